package journal

import "testing"

func BenchmarkIntentAndReply(b *testing.B) {
	j, err := Open(Config{Dir: b.TempDir(), Now: clock})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	m := int64(0)
	for b.Loop() {
		m++
		if err := j.Intent(m, 1); err != nil {
			b.Fatal(err)
		}
		if err := j.Reply(Reply{Message: m, Fence: 1, Outcome: 1, Code: 250, Enhanced: "2.0.0", Text: "ok queued as M12345"}); err != nil {
			b.Fatal(err)
		}
		if m%1000 == 0 {
			ids := make([]int64, 0, 1000)
			for i := m - 999; i <= m; i++ {
				ids = append(ids, i)
			}
			if err := j.Checkpoint(ids...); err != nil {
				b.Fatal(err)
			}
		}
	}
}
