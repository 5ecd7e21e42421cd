package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"time"

	"rapport/internal/simulate"
)

// The form of results that CI systems read: a suite for each file, a case for
// each scenario (https://github.com/testmoapp/junitxml).
type (
	junitAll struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`

		took time.Duration
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"` // the campaign
		File      string        `xml:"file,attr"`
		Line      int           `xml:"line,attr"`
		Time      string        `xml:"time,attr"`
		Failure   *junitFailure `xml:"failure,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeJUnit(file string, verdicts []simulate.Verdict) error {
	data, err := xml.MarshalIndent(junitOf(verdicts), "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, append([]byte(xml.Header), append(data, '\n')...), 0o644); err != nil {
		return fmt.Errorf("cannot write the results: %w", err)
	}
	return nil
}

func junitOf(verdicts []simulate.Verdict) junitAll {
	all := junitAll{Tests: len(verdicts), Failures: failedOf(verdicts)}
	var took time.Duration
	for i := range verdicts {
		v := &verdicts[i]
		if n := len(all.Suites); n == 0 || all.Suites[n-1].Name != v.File {
			all.Suites = append(all.Suites, junitSuite{Name: v.File})
		}
		suite := &all.Suites[len(all.Suites)-1]
		c := junitCase{Name: v.Name, ClassName: v.Campaign, File: v.File, Line: v.Line, Time: seconds(v.Took)}
		if !v.OK() {
			messages := make([]string, len(v.Problems))
			for n, p := range v.Problems {
				messages[n] = p.Message
			}
			c.Failure = &junitFailure{Message: strings.Join(messages, "; "), Text: diffOf(v)}
			suite.Failures++
		}
		suite.Tests++
		suite.took += v.Took
		suite.Time, suite.Cases = seconds(suite.took), append(suite.Cases, c)
		took += v.Took
	}
	all.Time = seconds(took)
	return all
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
