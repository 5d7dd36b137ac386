#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a Mach-O file is, for machines without the tools to ask.

    tests/poll/macho.py FILE is ISA KIND [api] [uses NAME...] [without NAME...]

KIND is dylib or program. api: what it exports of ours are the functions that the public headers
declare. uses: it takes these from other libraries; without: it does not.
"""

import pathlib
import re
import struct
import sys

ISAS = {0x0100000C: "aarch64", 0x01000007: "x86_64"}
KINDS = {2: "program", 6: "dylib"}
LC_SYMTAB, LC_LOAD_DYLIB = 2, 0xC
N_EXT, N_PEXT, N_TYPE, N_UNDF = 0x01, 0x10, 0x0E, 0


def text_at(data, offset):
    return data[offset:data.index(0, offset)].decode()


class File:
    """The header of a file, the libraries that it loads and its external symbols."""

    def __init__(self, data):
        magic, isa, _, kind, commands = struct.unpack_from("<IIIII", data)
        if magic != 0xFEEDFACF:
            raise ValueError("not Mach-O of 64 bits")
        self.isa, self.kind = ISAS.get(isa), KINDS.get(kind)
        self.libraries, self.defined, self.undefined = [], set(), set()
        at = 32
        for _ in range(commands):
            command, size = struct.unpack_from("<II", data, at)
            if command == LC_LOAD_DYLIB:
                self.libraries.append(text_at(data, at + struct.unpack_from("<I", data, at + 8)[0]))
            elif command == LC_SYMTAB:
                self.read_symbols(data, *struct.unpack_from("<III", data, at + 8))
            at += size

    def read_symbols(self, data, symbols, count, strings):
        for i in range(count):
            name, kind = struct.unpack_from("<IB", data, symbols + 16 * i)
            if kind & N_EXT and not kind & N_PEXT:
                here = self.undefined if kind & N_TYPE == N_UNDF else self.defined
                here.add(text_at(data, strings + name).removeprefix("_"))


def declared(isa):
    """By the headers, but for what only x86_64 has."""
    include = pathlib.Path(__file__).resolve().parents[2] / "include" / "hocket"
    return {name for header in include.rglob("*.h") if header.name != "tls.h"
            for name in re.findall(r"HKT_API(?:_FAST)? [^;({]*?\b(hkt_\w+)(?:\(| HKT__TLS_FAST;)",
                                   re.sub(r"#if defined\(__x86_64__\)\n.*?#endif\n",
                                          lambda found: found[0] if isa == "x86_64" else "",
                                          header.read_text(), flags=re.DOTALL))}


def check(file, words):
    """What is wrong, as lines of text."""
    assert words[0] == "is"
    if (file.isa, file.kind) != (words[1], words[2]):
        yield f"it is a {file.kind} for {file.isa}"
    mode = None
    for word in words[3:]:
        if word == "api":
            ours = {name for name in file.defined if name.startswith("hkt")}
            yield from (f"exports {name}, which no header declares"
                        for name in sorted(ours - declared(file.isa)))
            yield from (f"lacks {name}" for name in sorted(declared(file.isa) - ours))
        elif word in ("uses", "without"):
            mode = word
        elif (word in file.undefined) != (mode == "uses"):
            yield f"{'lacks' if mode == 'uses' else 'has'} a reference to {word}"
    for library in file.libraries:
        if not library.startswith(("/usr/lib/libSystem", "@rpath/libhocket")):
            yield f"needs {library}"


def main():
    wrong = list(check(File(pathlib.Path(sys.argv[1]).read_bytes()), sys.argv[2:]))
    for line in wrong:
        print(f"{sys.argv[1]}: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
