// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

// Keeps this goroutine's thread on the core, or, if not so, on any other.
func keepTo(core uint, so bool) {
	var set [128]byte
	runtime.LockOSThread()
	for i := range set {
		if !so {
			set[i] = 0xff
		}
	}
	set[core/8] ^= 1 << (core % 8)
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, uintptr(len(set)),
		uintptr(unsafe.Pointer(&set[0])))
	if e != 0 {
		fail("there is no second core")
	}
}

// The first core that this process may use; the suite leaves it one.
func firstCore() uint {
	var set [128]byte
	_, _, e := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, uintptr(len(set)),
		uintptr(unsafe.Pointer(&set[0])))
	for i := uint(0); e == 0 && i < uint(len(set))*8; i++ {
		if set[i/8]&(1<<(i%8)) != 0 {
			return i
		}
	}
	return 0
}

// Two goroutines, each with a thread and a core of its own.
func acrossThreads(n int) time.Duration {
	runtime.GOMAXPROCS(2)
	core := firstCore()
	there, back := make(chan uint64), make(chan uint64)
	keepTo(core, true)
	defer runtime.UnlockOSThread()
	go func() {
		keepTo(core, false)
		echo(there, back)
	}()
	return ask(n, there, back)
}
