// SPDX-License-Identifier: MIT

package main

import (
	"sync"
	"time"
)

func freeLock(n int) time.Duration {
	var mutex sync.Mutex
	start := time.Now()
	for i := 0; i < n; i++ {
		mutex.Lock()
		mutex.Unlock()
	}
	return time.Since(start)
}
