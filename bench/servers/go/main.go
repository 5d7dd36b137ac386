// SPDX-License-Identifier: MIT

// A goroutine for each connection, on one processor or as many as are told:
//
//	bench-server-go http|echo|nethttp [CORES]
//
// prints the port of 127.0.0.1 that it got, and serves until it is killed. http reads requests by
// itself, nethttp is the server of Go's library.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
)

const (
	bufferSize = 16384
	answer     = "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\n" +
		"Content-Length: 13\r\n\r\nHello, World!"
)

var headEnd = []byte("\r\n\r\n")

// Requests have no body, so where the head ends the next one begins.
func serveHTTP(conn net.Conn) {
	in := make([]byte, bufferSize)
	var out []byte
	kept := 0
	for {
		n, err := conn.Read(in[kept:])
		if err != nil {
			return
		}
		rest := in[:kept+n]
		out = out[:0]
		for {
			end := bytes.Index(rest, headEnd)
			if end < 0 {
				break
			}
			rest = rest[end+len(headEnd):]
			out = append(out, answer...)
		}
		kept = copy(in, rest)
		if _, err := conn.Write(out); err != nil || kept == len(in) {
			return
		}
	}
}

func serveEcho(conn net.Conn) {
	buffer := make([]byte, bufferSize)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err := conn.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func acceptAll(listener net.Listener, serve func(net.Conn)) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			serve(conn)
			conn.Close()
		}()
	}
}

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, "Hello, World!")
}

func cores() int {
	if len(os.Args) > 2 {
		if n, err := strconv.Atoi(os.Args[2]); err == nil {
			return n
		}
	}
	return 1
}

func main() {
	runtime.GOMAXPROCS(cores())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	switch mode := append(os.Args, "")[1]; mode {
	case "http":
		log.Fatal(acceptAll(listener, serveHTTP))
	case "echo":
		log.Fatal(acceptAll(listener, serveEcho))
	case "nethttp":
		log.Fatal(http.Serve(listener, http.HandlerFunc(hello)))
	default:
		log.Fatal("usage: bench-server-go http|echo|nethttp")
	}
}
