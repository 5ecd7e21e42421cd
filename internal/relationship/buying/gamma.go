package buying

import "math"

// GammaGamma is the model of Fader and Hardie, "The Gamma-Gamma Model of Monetary
// Value" (2013), http://brucehardie.com/notes/025/: what a customer spends each
// time varies around a mean of its own, and these means vary between customers.
type GammaGamma struct {
	P float64 `json:"p"`
	Q float64 `json:"q"`
	V float64 `json:"v"`
}

// Mean is what a customer is expected to spend each time. Who has bought on one
// day only is like the others.
func (g GammaGamma) Mean(s Summary) float64 {
	return g.P * (g.V + s.X*s.M) / (g.P*s.X + g.Q - 1)
}

// FitGammaGamma finds the model under which what customers spent is most likely.
// Only those count who came back and spent something. ok is false without a mean
// that is finite.
func FitGammaGamma(all []Summary) (g GammaGamma, ok bool) {
	var list []Summary
	scale := 0.0
	for _, s := range all {
		if s.X > 0 && s.M > 0 {
			list = append(list, s)
			scale += s.M
		}
	}
	if len(list) == 0 {
		return GammaGamma{}, false
	}
	n := float64(len(list))
	scale /= n
	minusLog := func(p []float64) float64 {
		total := 0.0
		for _, s := range list {
			px, m := p[0]*s.X, s.M/scale
			total += lgamma(px+p[1]) - lgamma(px) - lgamma(p[1]) + p[1]*math.Log(p[2]) +
				(px-1)*math.Log(m) + px*math.Log(s.X) - (px+p[1])*math.Log(p[2]+s.X*m)
		}
		return -total / n
	}
	params, _, ok := fitPositive(minusLog, []float64{2, 3, 1}, []float64{6, 4, 0.5})
	if !ok || params[1] <= 1 {
		return GammaGamma{}, false
	}
	return GammaGamma{params[0], params[1], params[2] * scale}, true
}
