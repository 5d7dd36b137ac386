// SPDX-License-Identifier: MIT

// Goroutines that sleep, on one processor, by the protocol of bench/timers/timer.h.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

const (
	longestUs    = 100000
	armed        = 1000000
	stepUs       = 10
	steps        = 100000
	window       = 1500 * time.Millisecond
	cpuTimeClock = 2
)

// Of one processor, so none of them is changed by two goroutines at a time.
var (
	state         uint64 = 88172645463325252
	sleeps, early uint64
	late          [steps]uint64
	warmUp        int // sleeps that are left, before anything is measured
	start         time.Time
	used          time.Duration
	length        time.Duration
)

func random() uint32 {
	state ^= state << 13
	state ^= state >> 7
	state ^= state << 17
	return uint32(state >> 32)
}

func fail(reason string) {
	fmt.Println("fail:", reason)
	os.Exit(3)
}

func cpuTime() time.Duration {
	var t syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, cpuTimeClock, uintptr(unsafe.Pointer(&t)), 0)
	return time.Duration(t.Nano())
}

func note(ns time.Duration) {
	step := int(ns / (stepUs * time.Microsecond))
	if ns < 0 {
		early++
		step = 0
	}
	if step >= steps {
		step = steps - 1
	}
	sleeps++
	late[step]++
}

func woke(at time.Time, delay time.Duration) time.Time {
	now := time.Now()
	if warmUp > 0 {
		warmUp--
		if warmUp == 0 {
			start, used = now, cpuTime()
		}
	} else {
		note(now.Sub(at) - delay)
		if now.Sub(start) >= length {
			report(now)
		}
	}
	return now
}

func sleeper() {
	at := time.Now()
	for {
		delay := time.Duration(random()%(longestUs+1)) * time.Microsecond
		time.Sleep(delay)
		at = woke(at, delay)
	}
}

func lateMs(part float64) float64 {
	before, seen := uint64(float64(sleeps)*part), uint64(0)
	for i, n := range late {
		seen += n
		if seen > before {
			return (float64(i) + 0.5) * stepUs / 1e3
		}
	}
	return 0
}

func report(now time.Time) {
	cpu := cpuTime() - used
	fmt.Printf("%.4f\n", float64(cpu)/1e3/float64(sleeps))
	fmt.Printf("also p50 %.3f\nalso p99 %.3f\n", lateMs(0.5), lateMs(0.99))
	fmt.Printf("also early %d\n", early)
	fmt.Printf("also rate %.0f\n", float64(sleeps)/now.Sub(start).Seconds())
	os.Exit(0)
}

func sleepers(n int, scale float64) {
	if scale < 0.2 {
		scale = 0.2
	}
	warmUp, length = 3*n, time.Duration(float64(window)*scale)
	for i := 0; i < n; i++ {
		go sleeper()
	}
	select {}
}

func arm(timers []*time.Timer) {
	for i := range timers {
		far := time.Duration(1000000+random()%100000000) * time.Microsecond
		timers[i] = time.AfterFunc(far, func() { fail("it fired") })
	}
	for _, t := range timers {
		t.Stop()
	}
}

func armCancel() {
	timers := make([]*time.Timer, armed)
	arm(timers[:armed/10])
	start := time.Now()
	arm(timers)
	fmt.Printf("%.2f\n", float64(time.Since(start))/armed)
}

func main() {
	args := os.Args[1:]
	runtime.GOMAXPROCS(1)
	if len(args) == 1 && args[0] == "list" {
		fmt.Println("timer 10000 go us CPU\ntimer 100000 go us CPU\ntimer arm_cancel go ns")
		return
	}
	if len(args) == 5 && args[0] == "run" {
		scale, err := strconv.ParseFloat(args[4], 64)
		n, _ := strconv.Atoi(args[2])
		if err == nil && scale > 0 && n > 0 {
			sleepers(n, scale)
		} else if args[2] == "arm_cancel" {
			armCancel()
			return
		}
	}
	fmt.Fprintf(os.Stderr, "usage: %s list | run BENCH CASE go SCALE\n", os.Args[0])
	os.Exit(2)
}
