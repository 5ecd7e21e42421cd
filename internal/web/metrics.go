package web

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func (w *Web) metrics() http.Handler {
	return promhttp.HandlerFor(w.Registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// collector reads the figures of the store and the queue when they are asked for.
type collector struct{ web *Web }

var (
	messagesDesc   = prometheus.NewDesc("rapport_messages", "Messages in the ledger, by state.", []string{"state"}, nil)
	enrolmentsDesc = prometheus.NewDesc("rapport_enrolments", "Enrolments, by state.", []string{"state"}, nil)
	stagesDesc     = prometheus.NewDesc("rapport_contacts", "Contacts, by stage.", []string{"stage"}, nil)
	queueDesc      = prometheus.NewDesc("rapport_queue_batches", "Batches of messages in the queue, by lane and state.", []string{"lane", "state"}, nil)
	touchedDesc    = prometheus.NewDesc("rapport_contacts_touched", "Contacts of whom something new is known that nobody has looked at yet.", nil, nil)
	failingDesc    = prometheus.NewDesc("rapport_provider_failing_seconds", "How long a provider has been failing, in this process's experience, or closed. One that works is not here.", []string{"provider"}, nil)
	upDesc         = prometheus.NewDesc("rapport_up", "Whether a part answers: 1, or 0.", []string{"part"}, nil)
)

// Describe is part of prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{messagesDesc, enrolmentsDesc, stagesDesc, queueDesc, touchedDesc, failingDesc, upDesc} {
		out <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	totals, err := c.web.totals.get(ctx)
	if err == nil {
		for state, n := range totals.Messages {
			gauge(messagesDesc, float64(n), state)
		}
		for state, n := range totals.Enrolments {
			gauge(enrolmentsDesc, float64(n), state)
		}
		for stage, n := range totals.Stages {
			gauge(stagesDesc, float64(n), stage)
		}
		if n, err := c.web.Store.TouchedWaiting(ctx); err == nil {
			gauge(touchedDesc, float64(n))
		}
	}
	gauge(upDesc, up(err), "database")
	depth, err := c.web.Queue.Depth(ctx)
	for lane, d := range depth {
		gauge(queueDesc, float64(d.Ready), lane, "ready")
		gauge(queueDesc, float64(d.Pending), lane, "pending")
		gauge(queueDesc, float64(d.Delayed), lane, "delayed")
	}
	gauge(upDesc, up(err), "queue")
	for _, f := range c.web.Failing() {
		gauge(failingDesc, c.web.Now().Sub(f.Since).Seconds(), f.Name)
	}
}

func up(err error) float64 {
	if err != nil {
		return 0
	}
	return 1
}
