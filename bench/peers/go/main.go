// SPDX-License-Identifier: MIT

// Goroutines on one processor, by the protocol of bench/support/bench.h.
package main

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"time"
)

type entry struct {
	bench, name string
	time        func(n int) time.Duration
	count       int
	park        func(n int)
	least       int // operations: fewer would take no less time, most of it to set up
}

const (
	impl    = "go"
	usualNs = 200e6
)

var table = []entry{
	{bench: "switch", name: "ring_same", time: ringSame},
	{bench: "switch", name: "ring_different", time: ringDifferent},
	{bench: "switch", name: "deep", time: deep},
	{bench: "generator", name: "range", time: generator, count: 10000000},
	{bench: "create", name: "run_finish", time: create},
	{bench: "queue", name: "channel", time: unbuffered},
	{bench: "queue", name: "buffered", time: buffered},
	{bench: "select", name: "4", time: selectFour},
	{bench: "xthread", name: "message", time: acrossThreads},
	{bench: "lock", name: "free", time: freeLock},
	{bench: "read", name: "ready", time: readReady},
	{bench: "yield", name: "2", time: yield(2, false)},
	{bench: "yield", name: "10", time: yield(10, false)},
	{bench: "yield", name: "1000", time: yield(1000, false)},
	{bench: "yield", name: "100000", time: yield(100000, false), least: 400000},
	{bench: "yield", name: "100000_shuffled", time: yield(100000, true), least: 400000},
	{bench: "yield", name: "1000000", time: yield(1000000, false), least: 4000000},
	{bench: "park", name: "2", time: parkTwo},
	{bench: "spawn_join", name: "one", time: spawnJoin},
	{bench: "memory", name: "10000", park: park, count: 10000},
	{bench: "memory", name: "100000", park: park, count: 100000},
	{bench: "memory", name: "1000000", park: park, count: 1000000},
	{bench: "million", name: "build", time: millionBuild, count: 1000000},
	{bench: "million", name: "memory", park: millionPark, count: 1000000},
	{bench: "million", name: "wake", time: millionWake, count: 1000000},
}

func fail(format string, args ...interface{}) {
	fmt.Printf("fail: "+format+"\n", args...)
	os.Exit(3)
}

func multipleOf8(n float64) int {
	return int(math.Max(n, 8)) / 8 * 8
}

// What is run to find out how many operations fill the time warms up, too. A crowd takes so long to
// set up that it is tried once.
func calibrate(e entry, ns float64) int {
	n := 64
	if e.least > 0 {
		n = e.least
	}
	took := float64(e.time(n))
	for took < ns/8 && e.least == 0 {
		n *= 2
		took = float64(e.time(n))
	}
	n = multipleOf8(float64(n) * ns / took)
	if n < e.least {
		return e.least
	}
	return n
}

// A fixed number of operations is a most: with a small SCALE there is only time for some.
func measureTime(e entry, scale float64) float64 {
	n := calibrate(e, usualNs*scale)
	if e.count > 0 && (scale >= 1 || n > e.count) {
		n = e.count
	}
	return float64(e.time(n)) / float64(n)
}

func run(e entry, scale float64) {
	if e.park == nil {
		fmt.Printf("%.4f\n", measureTime(e, scale))
		return
	}
	before := memoryNow()
	e.park(e.count)
	after := memoryNow()
	fmt.Printf("%.1f\n", (after.rss-before.rss)/float64(e.count))
	fmt.Printf("%s_pt %.1f bytes page tables\n", e.name,
		(after.pageTables-before.pageTables)/float64(e.count))
}

func list() {
	for _, e := range table {
		unit := "ns"
		if e.park != nil {
			unit = "bytes RSS"
		}
		fmt.Println(e.bench, e.name, impl, unit)
	}
}

func main() {
	args := os.Args[1:]
	runtime.GOMAXPROCS(1)
	if len(args) == 1 && args[0] == "list" {
		list()
		return
	}
	if len(args) == 5 && args[0] == "run" && args[3] == impl {
		scale, err := strconv.ParseFloat(args[4], 64)
		for _, e := range table {
			if e.bench == args[1] && e.name == args[2] && err == nil && scale > 0 {
				run(e, scale)
				return
			}
		}
	}
	fmt.Fprintf(os.Stderr, "usage: %s list | run BENCH CASE %s SCALE\n", os.Args[0], impl)
	os.Exit(2)
}
