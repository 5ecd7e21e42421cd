package redisq

// group is the one consumer group of every stream.
const group = "workers"

// keys names all keys. In a cluster a key's slot is chosen by what stands
// between braces, and commands on several keys need one slot.
type keys struct{ prefix string }

// ready is the stream of a lane.
func (k keys) ready(lane string) string { return k.prefix + ":{queue}:ready:" + lane }

// delayed is the sorted set of a lane's batches by the time they are due, in
// Unix milliseconds.
func (k keys) delayed(lane string) string { return k.prefix + ":{queue}:delayed:" + lane }

// lanes is the set of the names of all lanes.
func (k keys) lanes() string { return k.prefix + ":{queue}:lanes" }

// rate is the state of one rate; each has a slot of its own.
func (k keys) rate(key string) string { return k.prefix + ":rate:{" + key + "}" }

// line is the state of a rate with a line. A batch of messages asks for many of
// them at once, so they share a slot.
func (k keys) line(key string) string { return k.prefix + ":{lines}:" + key }

// notices is the channel of all notices.
func (k keys) notices() string { return k.prefix + ":notices" }

// allReady lists the streams of the lanes, in their order.
func (k keys) allReady(lanes []string) []string {
	list := make([]string, len(lanes))
	for i, lane := range lanes {
		list[i] = k.ready(lane)
	}
	return list
}
