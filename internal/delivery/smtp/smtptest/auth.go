package smtptest

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

const challenge = "<1896.697170952@smtptest>"

// auth runs a sign-in (RFC 4954) and reports whether the connection goes on.
func (s *session) auth(rest string) bool {
	mechanism, initial, _ := strings.Cut(rest, " ")
	mechanism = strings.ToUpper(mechanism)
	if !slices.Contains(s.server.options.Mechanisms, mechanism) {
		s.reply("504 5.5.4 mechanism not offered")
		return true
	}
	o := s.server.options
	var ok bool
	switch mechanism {
	case "PLAIN":
		ok = decode(initial) == "\x00"+o.Username+"\x00"+o.Password
	case "LOGIN":
		user, alive := s.prompt("Username:")
		if !alive {
			return false
		}
		password, alive := s.prompt("Password:")
		if !alive {
			return false
		}
		ok = user == o.Username && password == o.Password
	case "CRAM-MD5":
		answer, alive := s.prompt(challenge)
		if !alive {
			return false
		}
		mac := hmac.New(md5.New, []byte(o.Password))
		mac.Write([]byte(challenge))
		ok = answer == o.Username+" "+hex.EncodeToString(mac.Sum(nil))
	case "XOAUTH2":
		ok = decode(initial) == "user="+o.Username+"\x01auth=Bearer "+o.Password+"\x01\x01"
		if !ok { // the reason comes as a challenge, which the client answers empty
			if _, alive := s.prompt(`{"status":"401"}`); !alive {
				return false
			}
		}
	}
	if !ok {
		s.reply("535 5.7.8 authentication credentials invalid")
		return true
	}
	s.signed = true
	s.reply("235 2.7.0 welcome")
	return true
}

func (s *session) prompt(text string) (answer string, alive bool) {
	s.reply("334 " + base64.StdEncoding.EncodeToString([]byte(text)))
	line, err := s.r.ReadString('\n')
	return decode(strings.TrimRight(line, "\r\n")), err == nil
}

func decode(s string) string {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return ""
	}
	return string(b)
}
