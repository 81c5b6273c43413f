// The baseline in Go: net/http and franz-go; verifies the signature and answers when the brokers have the record.
//
// What a team would write in an afternoon, and the least that compares: HMAC over the raw body, a keyed record, acks=all
// awaited. It has none of ingest's strictness, limits or spool.
package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

type webhook struct {
	Event string `json:"event"`
	Call  struct {
		CallID string `json:"call_id"`
	} `json:"call"`
}

func valid(key, body []byte, header string) bool {
	time, digest, found := strings.Cut(strings.TrimPrefix(header, "v="), ",d=")
	said, err := hex.DecodeString(digest)
	if !found || err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	mac.Write([]byte(time))
	return hmac.Equal(said, mac.Sum(nil))
}

func main() {
	key := []byte(os.Getenv("RECEIVER_KEY"))
	client, err := kgo.NewClient(kgo.SeedBrokers(os.Getenv("RECEIVER_KAFKA")), kgo.DefaultProduceTopic(os.Getenv("RECEIVER_TOPIC")),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerLinger(0))
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/api/retell/webhook", func(answer http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(io.LimitReader(request.Body, 10<<20))
		var read webhook
		switch {
		case err != nil || !valid(key, body, request.Header.Get("X-Retell-Signature")):
			http.Error(answer, "unauthorized", http.StatusUnauthorized)
			return
		case json.Unmarshal(body, &read) != nil:
			http.Error(answer, "not JSON", http.StatusBadRequest)
			return
		}
		record := &kgo.Record{Key: []byte(read.Call.CallID), Value: body,
			Headers: []kgo.RecordHeader{{Key: "ce_type", Value: []byte("ai.retell." + read.Event)}}}
		if err := client.ProduceSync(context.Background(), record).FirstErr(); err != nil {
			http.Error(answer, "unavailable", http.StatusServiceUnavailable)
			return
		}
		answer.Header().Set("Content-Type", "application/json")
		io.WriteString(answer, `{"ok":true}`)
	})
	log.Fatal(http.ListenAndServe(os.Getenv("RECEIVER_LISTEN"), nil))
}
