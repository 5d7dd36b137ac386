// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
)

type memory struct {
	rss, pageTables float64 // bytes
}

// The number after key in a file of "Key:  number kB" lines, in bytes.
func field(file, key string) float64 {
	f, err := os.Open(file)
	if err != nil {
		fail("%v", err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) >= 2 && words[0] == key {
			kib, _ := strconv.ParseFloat(words[1], 64)
			return kib * 1024
		}
	}
	fail("no %s in %s", key, file)
	return 0
}

func memoryNow() memory {
	return memory{field("/proc/self/smaps_rollup", "Rss:"), field("/proc/self/status", "VmPTE:")}
}

//go:noinline
func touch(locals *[200]byte) {
	for i := range locals {
		locals[i] = 1
	}
}

func parkHere(never chan struct{}) {
	var locals [200]byte
	touch(&locals)
	<-never
	touch(&locals)
}

func park(n int) {
	never := make(chan struct{})
	for i := 0; i < n; i++ {
		go parkHere(never)
		if i%1000 == 0 {
			runtime.Gosched()
		}
	}
	// The last in the queue: all have run when it has.
	done := make(chan struct{})
	go func() { close(done) }()
	<-done
	runtime.Gosched()
}
