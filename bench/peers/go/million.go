// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
	"time"
)

// Half of them wait for a time that is far off, half for a message, and all until they are told.
type crowd struct {
	stop    chan struct{}
	message chan int
	waiting int
	done    sync.WaitGroup
}

//go:noinline
func (c *crowd) waitForATime() {
	var locals [200]byte
	touch(&locals)
	timer := time.NewTimer(time.Hour)
	c.waiting++
	select {
	case <-timer.C:
	case <-c.stop:
	}
	touch(&locals)
	timer.Stop()
	c.done.Done()
}

//go:noinline
func (c *crowd) waitForAMessage() {
	var locals [200]byte
	touch(&locals)
	c.waiting++
	<-c.message
	touch(&locals)
	c.done.Done()
}

func (c *crowd) begin(n int) time.Duration {
	c.stop, c.message = make(chan struct{}), make(chan int)
	c.done.Add(n)
	start := time.Now()
	for i := 0; i < n; i++ {
		if i%2 == 0 {
			go c.waitForATime()
		} else {
			go c.waitForAMessage()
		}
	}
	for c.waiting < n {
		runtime.Gosched()
	}
	return time.Since(start)
}

func (c *crowd) end() time.Duration {
	start := time.Now()
	close(c.message)
	close(c.stop)
	c.done.Wait()
	return time.Since(start)
}

func millionBuild(n int) time.Duration {
	var c crowd
	took := c.begin(n)
	c.end()
	return took
}

func millionWake(n int) time.Duration {
	var c crowd
	c.begin(n)
	return c.end()
}

var millionCrowd crowd

func millionPark(n int) {
	millionCrowd.begin(n)
}
