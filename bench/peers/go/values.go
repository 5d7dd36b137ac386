// SPDX-License-Identifier: MIT

package main

import "time"

// A goroutine that sends into an unbuffered channel is what Go has for a generator.
func generator(n int) time.Duration {
	start := time.Now()
	numbers := make(chan uint64)
	go func() {
		for i := 0; i < n; i++ {
			numbers <- uint64(i)
		}
		close(numbers)
	}()
	sum := uint64(0)
	for x := range numbers {
		sum += x
	}
	took := time.Since(start)
	if sum != uint64(n)*uint64(n-1)/2 {
		fail("the sum is wrong: %d", sum)
	}
	return took
}

func create(n int) time.Duration {
	done := make(chan struct{})
	start := time.Now()
	for i := 0; i < n; i++ {
		go func() {
			done <- struct{}{}
		}()
		<-done
	}
	return time.Since(start)
}
