/* SPDX-License-Identifier: MIT
 *
 * dladdr() knows exported functions only, and those of most interest are static; so on ELF systems
 * the file's own symbol table is read.
 */
#include "symbol.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/ucontext.h>
#include <unistd.h>

uintptr_t hkt__fault_pc(const void *context)
{
    const ucontext_t *uc = context;
#if defined(__linux__) && defined(__x86_64__)
    return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
#elif defined(__linux__) && defined(__aarch64__)
    return (uintptr_t)uc->uc_mcontext.pc;
#elif defined(__linux__) && defined(__riscv)
    return (uintptr_t)uc->uc_mcontext.__gregs[REG_PC];
#elif defined(__linux__) && defined(__arm__)
    return (uintptr_t)uc->uc_mcontext.arm_pc;
#elif defined(__APPLE__) && defined(__x86_64__)
    return (uintptr_t)uc->uc_mcontext->__ss.__rip;
#elif defined(__APPLE__) && defined(__aarch64__)
    return (uintptr_t)__darwin_arm_thread_state64_get_pc(uc->uc_mcontext->__ss);
#else
    (void)uc;
    return 0;
#endif
}

#if defined(__linux__)
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

struct image {
    const char *data;
    size_t size;
};

static struct image image_open(const char *path)
{
    struct image image = {NULL, 0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return image;
    if (fstat(fd, &st) == 0 && (size_t)st.st_size > sizeof(ElfW(Ehdr))) {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data != MAP_FAILED)
            image = (struct image){data, (size_t)st.st_size};
    }
    close(fd);
    return image;
}

/* Bytes [offset, offset + size) of the file; NULL if it has not that many. */
static const void *image_at(const struct image *image, size_t offset, size_t size)
{
    return offset <= image->size && size <= image->size - offset ? image->data + offset : NULL;
}

static int name_from_section(const struct image *image, const ElfW(Shdr) * table,
                             const ElfW(Shdr) * strings, uintptr_t addr, char *out, size_t size)
{
    const ElfW(Sym) *sym = image_at(image, table->sh_offset, table->sh_size);
    const char *names = image_at(image, strings->sh_offset, strings->sh_size);

    if (!sym || !names)
        return 0;
    for (size_t i = 0; i < table->sh_size / sizeof *sym; i++) {
        if ((sym[i].st_info & 15) != STT_FUNC || sym[i].st_name >= strings->sh_size)
            continue;
        uintptr_t start = sym[i].st_value;
#if defined(__arm__)
        start &= ~(uintptr_t)1;
#endif
        if (addr - start < sym[i].st_size) {
            snprintf(out, size, "%s+0x%zx", names + sym[i].st_name, (size_t)(addr - start));
            return 1;
        }
    }
    return 0;
}

static int name_from_file(const char *path, uintptr_t base, uintptr_t pc, char *out, size_t size)
{
    struct image image = image_open(path);
    const ElfW(Ehdr) *head = (const void *)image.data;
    int found = 0;

    if (!image.data)
        return 0;
    const ElfW(Shdr) *sections = image_at(&image, head->e_shoff, head->e_shnum * sizeof *sections);
    uintptr_t addr = head->e_type == ET_EXEC ? pc : pc - base;
    for (unsigned i = 0; sections && i < head->e_shnum && !found; i++)
        if (sections[i].sh_type == SHT_SYMTAB && sections[i].sh_link < head->e_shnum)
            found = name_from_section(&image, &sections[i], &sections[sections[i].sh_link], addr,
                                      out, size);
    munmap((void *)(uintptr_t)image.data, image.size);
    return found;
}

/* Where the program begins: its headers are in its first page. */
static uintptr_t program_base(void)
{
    return (uintptr_t)getauxval(AT_PHDR) & ~(uintptr_t)4095;
}

/* The program's own name is as it was typed, and may lead nowhere. */
static const char *image_path(const Dl_info *info)
{
    return (uintptr_t)info->dli_fbase == program_base() ? "/proc/self/exe" : info->dli_fname;
}

/* In a static program dladdr() knows nothing. */
static int name_from_program(uintptr_t pc, char *out, size_t size)
{
    return name_from_file("/proc/self/exe", program_base(), pc, out, size);
}
#else
static const char *image_path(const Dl_info *info)
{
    return info->dli_fname;
}

static int name_from_file(const char *path, uintptr_t base, uintptr_t pc, char *out, size_t size)
{
    (void)path;
    (void)base;
    (void)pc;
    (void)out;
    (void)size;
    return 0;
}

static int name_from_program(uintptr_t pc, char *out, size_t size)
{
    return name_from_file(NULL, 0, pc, out, size);
}
#endif

void hkt__symbol_name(uintptr_t pc, char *out, size_t size)
{
    Dl_info info;

#if defined(__arm__)
    pc &= ~(uintptr_t)1; /* which says that it is Thumb code */
#endif
    if (!dladdr((void *)pc, &info)) {
        if (!name_from_program(pc, out, size))
            snprintf(out, size, "unknown code at 0x%zx", (size_t)pc);
        return;
    }
    uintptr_t base = (uintptr_t)info.dli_fbase;
    if (info.dli_sname) {
        size_t offset = (size_t)(pc - (uintptr_t)info.dli_saddr);
        snprintf(out, size, "%s+0x%zx", info.dli_sname, offset);
        return;
    }
    if (name_from_file(image_path(&info), base, pc, out, size))
        return;
    const char *slash = strrchr(info.dli_fname, '/');
    snprintf(out, size, "%s+0x%zx", slash ? slash + 1 : info.dli_fname, (size_t)(pc - base));
}
