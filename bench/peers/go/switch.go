// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
	"time"
)

//go:noinline
func bodyFirst(turns int) {
	for i := 0; i < turns; i++ {
		runtime.Gosched()
	}
}

//go:noinline
func bodySecond(turns int) {
	for i := 0; i < turns; i++ {
		runtime.Gosched()
	}
}

//go:noinline
func bodyThird(turns int) {
	for i := 0; i < turns; i++ {
		runtime.Gosched()
	}
}

//go:noinline
func bodyFourth(turns int) {
	for i := 0; i < turns; i++ {
		runtime.Gosched()
	}
}

//go:noinline
func levelFourth() {
	runtime.Gosched()
}

//go:noinline
func levelThird() {
	levelFourth()
}

//go:noinline
func levelSecond() {
	levelThird()
}

//go:noinline
func levelFirst() {
	levelSecond()
}

func bodyDeep(turns int) {
	for i := 0; i < turns; i++ {
		levelFirst()
	}
}

func ring(n int, bodies ...func(int)) time.Duration {
	var all sync.WaitGroup
	turns := n / len(bodies)
	start := time.Now()
	all.Add(len(bodies))
	for _, body := range bodies {
		go func(body func(int)) {
			body(turns)
			all.Done()
		}(body)
	}
	all.Wait()
	return time.Since(start)
}

func ringSame(n int) time.Duration {
	return ring(n, bodyFirst, bodyFirst)
}

func ringDifferent(n int) time.Duration {
	return ring(n, bodyFirst, bodySecond, bodyThird, bodyFourth)
}

func deep(n int) time.Duration {
	return ring(n, bodyDeep, bodyDeep)
}
