package main

import (
	"context"
	"strconv"
	"time"

	"rapport/internal/contacts"
	"rapport/internal/delivery"
	"rapport/internal/queue"
	"rapport/internal/queue/redisq"
)

func campaignNotice(name string) queue.Notice {
	return queue.Notice{Kind: delivery.NoticeCampaign, Key: name}
}

func contactNotice(id contacts.ID) queue.Notice {
	return queue.Notice{Kind: delivery.NoticeContact, Key: strconv.FormatInt(int64(id), 10)}
}

// tell spreads news among the running processes, so that what was claimed a
// moment ago and may no longer go stays (semantics.md, rule 9). It only saves
// time: the database has it already, so a Redis that is away is worth a note.
func (s *session) tell(news ...queue.Notice) {
	if s.work.Redis == "" || len(news) == 0 {
		return
	}
	q, err := redisq.Open(redisq.Config{URL: s.work.Redis})
	if err != nil {
		s.note("the change is stored; running processes learn of it a little later: %s", err)
		return
	}
	defer q.Close()
	ctx, cancel := context.WithTimeout(s.ctx, 3*time.Second)
	defer cancel()
	for _, n := range news {
		if err := q.Publish(ctx, n); err != nil {
			s.note("the change is stored; running processes learn of it a little later: %s", err)
			return
		}
	}
}
