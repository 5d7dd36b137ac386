// SPDX-License-Identifier: MIT

package main

import "time"

func echo(there, back chan uint64) {
	for x := range there {
		back <- x + 1
	}
}

func ask(n int, there, back chan uint64) time.Duration {
	start := time.Now()
	x := uint64(0)
	for i := 0; i < n; i++ {
		there <- x
		x = <-back
	}
	took := time.Since(start)
	close(there)
	if x != uint64(n) {
		fail("%d messages", x)
	}
	return took
}

func thereAndBack(n int, there, back chan uint64) time.Duration {
	go echo(there, back)
	return ask(n, there, back)
}

func unbuffered(n int) time.Duration {
	return thereAndBack(n, make(chan uint64), make(chan uint64))
}

func buffered(n int) time.Duration {
	return thereAndBack(n, make(chan uint64, 1), make(chan uint64, 1))
}

func selectFour(n int) time.Duration {
	var c [4]chan uint64
	for i := range c {
		c[i] = make(chan uint64)
	}
	start := time.Now()
	go func() {
		for i := 0; i < n; i++ {
			c[i%4] <- uint64(i)
		}
	}()
	sum := uint64(0)
	for i := 0; i < n; i++ {
		select {
		case x := <-c[0]:
			sum += x
		case x := <-c[1]:
			sum += x
		case x := <-c[2]:
			sum += x
		case x := <-c[3]:
			sum += x
		}
	}
	took := time.Since(start)
	if sum != uint64(n)*uint64(n-1)/2 {
		fail("the sum is wrong: %d", sum)
	}
	return took
}
