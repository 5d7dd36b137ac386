// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"time"
)

const (
	pipeRoom = 65536
	piece    = 64
)

// A pipe is filled again and again, and what is measured are the reads.
func readReady(n int) time.Duration {
	out, in, err := os.Pipe()
	if err != nil {
		fail("%v", err)
	}
	defer out.Close()
	defer in.Close()
	var took time.Duration
	room, buffer := make([]byte, pipeRoom), make([]byte, piece)
	for left := n; left > 0; {
		batch := pipeRoom / piece
		if batch > left {
			batch = left
		}
		if _, err := in.Write(room[:batch*piece]); err != nil {
			fail("%v", err)
		}
		start := time.Now()
		for i := 0; i < batch; i++ {
			if got, err := out.Read(buffer); got != piece {
				fail("%d bytes: %v", got, err)
			}
		}
		took += time.Since(start)
		left -= batch
	}
	return took
}
