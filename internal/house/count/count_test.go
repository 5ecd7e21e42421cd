package main

import (
	"bytes"
	"strings"
	"testing"
)

const stream = `
{"Action":"build-output","ImportPath":"rapport/broken","Output":"broken.go:3: undefined: x\n"}
{"Action":"build-fail","ImportPath":"rapport/broken"}
{"Action":"start","Package":"rapport/broken"}
{"Action":"output","Package":"rapport/broken","Output":"FAIL\trapport/broken [build failed]\n"}
{"Action":"fail","Package":"rapport/broken","Elapsed":0,"FailedBuild":"rapport/broken"}
{"Action":"run","Package":"rapport/good","Test":"TestTable"}
{"Action":"run","Package":"rapport/good","Test":"TestTable/one"}
{"Action":"pass","Package":"rapport/good","Test":"TestTable/one"}
{"Action":"run","Package":"rapport/good","Test":"TestTable/two"}
{"Action":"pass","Package":"rapport/good","Test":"TestTable/two"}
{"Action":"pass","Package":"rapport/good","Test":"TestTable"}
{"Action":"run","Package":"rapport/good","Test":"TestServer"}
{"Action":"output","Package":"rapport/good","Test":"TestServer","Output":"    a_test.go:7: Redis is not installed\n"}
{"Action":"output","Package":"rapport/good","Test":"TestServer","Output":"--- SKIP: TestServer (0.00s)\n"}
{"Action":"skip","Package":"rapport/good","Test":"TestServer"}
{"Action":"pass","Package":"rapport/good","Elapsed":1.25}
{"Action":"start","Package":"rapport/notests"}
{"Action":"skip","Package":"rapport/notests","Elapsed":0}
{"Action":"run","Package":"rapport/bad","Test":"TestWrong"}
{"Action":"output","Package":"rapport/bad","Test":"TestWrong","Output":"    b_test.go:9: got 1, want 2\n"}
{"Action":"fail","Package":"rapport/bad","Test":"TestWrong"}
{"Action":"run","Package":"rapport/bad","Test":"TestHangs"}
{"Action":"output","Package":"rapport/bad","Test":"TestHangs","Output":"panic: test timed out\n"}
{"Action":"fail","Package":"rapport/bad","Elapsed":600}
{"Action":"run","Package":"rapport/cut","Test":"TestCut"}
`

func TestCount(t *testing.T) {
	var out bytes.Buffer
	total, err := read(strings.NewReader(strings.TrimPrefix(stream, "\n")), &out)
	if err != nil {
		t.Fatal(err)
	}
	total.print(&out)
	const want = `
FAIL  rapport/broken                              0.0s  0 passed
broken.go:3: undefined: x
FAIL	rapport/broken [build failed]

ok    rapport/good                                1.2s  2 passed, 1 skipped

FAIL  rapport/bad                               600.0s  0 passed, 2 failed
    b_test.go:9: got 1, want 2
panic: test timed out


FAIL  rapport/cut                                 0.0s  0 passed, 1 failed
the package did not end


skipped:
    1  Redis is not installed

packages 4 (3 failed)   passed 2   failed 3   skipped 1
`
	if got := out.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if total.good() {
		t.Error("a run with failures is not good")
	}
}

func TestNothingRanIsNotGood(t *testing.T) {
	if (&totals{}).good() {
		t.Error("a run without packages is not good")
	}
}
