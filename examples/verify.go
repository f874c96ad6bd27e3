package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var seconds = regexp.MustCompile(`^[0-9]{1,12}$`)

// verify tells whether a request is signed with one of the secrets, and now. The body is as it came.
func verify(headers http.Header, body []byte, secrets []string, now time.Time) bool {
	id, timestamp := headers.Get("webhook-id"), headers.Get("webhook-timestamp")
	if id == "" || !seconds.MatchString(timestamp) {
		return false
	}
	sentAt, _ := strconv.ParseInt(timestamp, 10, 64)
	if age := now.Unix() - sentAt; age > 300 || age < -300 {
		return false
	}
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			return false
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		for _, one := range strings.Split(headers.Get("webhook-signature"), " ") {
			if hmac.Equal([]byte(expected), []byte(one)) {
				return true
			}
		}
	}
	return false
}
