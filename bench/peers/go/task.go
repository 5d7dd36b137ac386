// SPDX-License-Identifier: MIT

package main

import (
	"math/rand"
	"runtime"
	"sync"
	"time"
)

// Each waits at a gate of its own, and the gates are opened in the order in which they are to run.
func yield(tasks int, shuffled bool) func(int) time.Duration {
	return func(n int) time.Duration {
		turns := (n + tasks - 1) / tasks
		if turns < 4 {
			turns = 4
		}
		var start, end time.Time
		var ready, done sync.WaitGroup
		gates := make([]chan struct{}, tasks)
		ready.Add(tasks)
		done.Add(tasks)
		for i := range gates {
			gates[i] = make(chan struct{})
			go func(gate chan struct{}) {
				ready.Done()
				<-gate
				runtime.Gosched()
				if start.IsZero() {
					start = time.Now()
				}
				for i := 0; i < turns; i++ {
					runtime.Gosched()
				}
				if end.IsZero() {
					end = time.Now()
				}
				done.Done()
			}(gates[i])
		}
		ready.Wait()
		runtime.Gosched()
		if shuffled {
			rand.Shuffle(tasks, func(i, j int) { gates[i], gates[j] = gates[j], gates[i] })
		}
		for _, gate := range gates {
			close(gate)
		}
		done.Wait()
		return time.Duration(float64(end.Sub(start)) * float64(n) / float64(turns*tasks))
	}
}

func spawnJoin(n int) time.Duration {
	var done sync.WaitGroup
	start := time.Now()
	for i := 0; i < n; i++ {
		done.Add(1)
		go func() { done.Done() }()
		done.Wait()
	}
	return time.Since(start)
}

// Two goroutines that wake each other, by channels with room for the one token that says so.
func parkTwo(n int) time.Duration {
	var done sync.WaitGroup
	tokens := [2]chan struct{}{make(chan struct{}, 1), make(chan struct{}, 1)}
	start := time.Now()
	for i := range tokens {
		done.Add(1)
		go func(own, other chan struct{}) {
			for i := 0; i < n/2; i++ {
				other <- struct{}{}
				<-own
			}
			done.Done()
		}(tokens[i], tokens[1-i])
	}
	done.Wait()
	return time.Since(start)
}
