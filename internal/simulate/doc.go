// Package simulate stands in for the world outside: people who sign up, read
// their mail or do not, click, buy, answer, complain and leave. The demo runs on
// it, over the same public addresses that real people and shops use.
//
// What holds: the same seed gives the same people, and each person answers a
// message in the same way in whatever order messages arrive, because every
// choice is drawn from the seed and the name of what it is about. It knows
// nothing of the engine's inside: it reads mail and sends requests.
package simulate
