package redisq

import "github.com/redis/go-redis/v9"

// All keys of a script are passed as KEYS and share one hash tag.

// takeScript hands out ready entries lane by lane, and makes groups that are
// missing: at the first take, and after Redis was emptied.
//
//	KEYS   the streams, the most urgent first
//	ARGV   1 group, 2 consumer, 3 how many entries at most
//	result a flat list of: place of the stream in KEYS, entry id, batch id
var takeScript = redis.NewScript(`
local left, taken = tonumber(ARGV[3]), {}
for place, key in ipairs(KEYS) do
  if left <= 0 then break end
  local function read()
    return redis.pcall('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', left, 'STREAMS', key, '>')
  end
  local reply = read()
  if reply and reply.err then
    if not string.find(reply.err, 'NOGROUP', 1, true) then return reply end
    redis.call('XGROUP', 'CREATE', key, ARGV[1], '0', 'MKSTREAM')
    reply = read()
    if reply and reply.err then return reply end
  end
  if reply then
    for _, entry in ipairs(reply[1][2]) do
      taken[#taken + 1] = place
      taken[#taken + 1] = entry[1]
      taken[#taken + 1] = entry[2][2]
      left = left - 1
    end
  end
end
return taken
`)

// reclaimScript hands entries of dead consumers to a living one. XAUTOCLAIM
// looks at a part of the list per call, from the oldest id on, so a long list of
// busy entries in front needs several calls; it does not tell how often an
// entry was delivered, so XPENDING is asked.
//
//	KEYS   the streams, the most urgent first
//	ARGV   1 group, 2 consumer, 3 idle time in ms, 4 how many entries at most
//	result a flat list of: place of the stream in KEYS, entry id, batch id, deliveries
var reclaimScript = redis.NewScript(`
local left, taken = tonumber(ARGV[4]), {}
for place, key in ipairs(KEYS) do
  local cursor = '0-0'
  while left > 0 do
    local reply = redis.pcall('XAUTOCLAIM', key, ARGV[1], ARGV[2], ARGV[3], cursor, 'COUNT', left)
    if reply.err then
      if string.find(reply.err, 'NOGROUP', 1, true) then break end
      return reply
    end
    cursor = reply[1]
    for _, entry in ipairs(reply[2]) do
      if entry then
        local pending = redis.call('XPENDING', key, ARGV[1], entry[1], entry[1], 1)
        taken[#taken + 1] = place
        taken[#taken + 1] = entry[1]
        taken[#taken + 1] = entry[2][2]
        taken[#taken + 1] = pending[1][4]
        left = left - 1
      end
    end
    if cursor == '0-0' then break end
  end
end
return taken
`)

// forgetScript drops the names of consumers that hold nothing and have not
// been seen for long.
//
//	KEYS   the streams
//	ARGV   1 group, 2 idle time in ms
//	result how many names were dropped
var forgetScript = redis.NewScript(`
local dropped = 0
for _, key in ipairs(KEYS) do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', key, ARGV[1])
  if not consumers.err then
    for _, fields in ipairs(consumers) do
      local consumer = {}
      for i = 1, #fields, 2 do consumer[fields[i]] = fields[i + 1] end
      if consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) then
        redis.call('XGROUP', 'DELCONSUMER', key, ARGV[1], consumer.name)
        dropped = dropped + 1
      end
    end
  end
end
return dropped
`)

// dueScript moves what is due from the delayed sets into their streams, of each
// lane the earliest first.
//
//	KEYS   pairs of a delayed set and its stream
//	ARGV   1 now in Unix ms, 2 how many of a lane at most
//	result how many were moved, and 1 when there may be more
var dueScript = redis.NewScript(`
local moved, more = 0, 0
for i = 1, #KEYS, 2 do
  local due = redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
  for _, batch in ipairs(due) do
    redis.call('XADD', KEYS[i + 1], '*', 'batch', batch)
    redis.call('ZREM', KEYS[i], batch)
  end
  moved = moved + #due
  if #due == tonumber(ARGV[2]) then more = 1 end
end
return {moved, more}
`)

// giveBackScript puts entries that were read and cannot be used at the end of
// their stream, as if they had just come.
//
//	KEYS   1 the stream
//	ARGV   1 group, then pairs of: entry id, batch id
//	result how many were put back
var giveBackScript = redis.NewScript(`
for i = 2, #ARGV, 2 do
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  redis.call('XDEL', KEYS[1], ARGV[i])
  redis.call('XADD', KEYS[1], '*', 'batch', ARGV[i + 1])
end
return (#ARGV - 1) / 2
`)

// giveAllBackScript puts all that a consumer holds of a stream at its end, as if
// it had just come.
//
//	KEYS   1 the stream
//	ARGV   1 group, 2 consumer
//	result how many were put back; 0 without a group
var giveAllBackScript = redis.NewScript(`
local given = 0
while true do
  local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 100, ARGV[2])
  if pending.err then
    if string.find(pending.err, 'NOGROUP', 1, true) then return given end
    return pending
  end
  if #pending == 0 then return given end
  for _, held in ipairs(pending) do
    local entry = redis.call('XRANGE', KEYS[1], held[1], held[1])[1]
    redis.call('XACK', KEYS[1], ARGV[1], held[1])
    if entry then
      redis.call('XDEL', KEYS[1], held[1])
      redis.call('XADD', KEYS[1], '*', 'batch', entry[2][2])
      given = given + 1
    end
  end
end
`)

// bucket is the arithmetic of queue.Rate in Lua, for the scripts below; a test
// holds the two together. A state is written with 17 digits, because tostring
// would cut it to 14. It expires when it is as good as a new key; with a
// caller's clock, which the server's expiry knows nothing of, after an hour.
const bucket = `
local function clock(given)
  local now = tonumber(given)
  if now then return now, true end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1e6 + tonumber(time[2]), false
end
local function reserve(b, per, burst, now, back, least, most)
  b.level = math.max(0, math.min(b.level, burst) - back)
  if b.at - now > 1e6 then b.at = now end
  local present = math.max(0, b.level - (now - b.at) * per / 1e6)
  least = math.min(math.max(least, 1), burst)
  local granted = math.max(0, math.min(most, math.floor(burst - present + 1e-6)))
  if granted < math.min(least, most) then granted = 0 end
  if now >= b.at then b.level, b.at = present, now end
  b.level = b.level + granted
  local wait = 0
  if granted < most then wait = math.min(math.max(1, math.ceil((present + granted + least - burst) / per * 1e6)), 31536000000000) end
  return granted, wait
end
local function keep(key, state, full, fixed)
  local ttl = 3600000
  if not fixed then ttl = math.min(math.ceil(full * 1000), 31536000000) + 1000 end
  redis.call('SET', key, state, 'PX', string.format('%.0f', ttl))
end
`

// reserveScript is queue.Rate.Reserve on a key.
//
//	KEYS   1 the rate
//	ARGV   1 tokens per second, 2 burst, 3 tokens given back, 4 the least that is
//	       granted, 5 the most, 6 now in Unix µs, or '' for the server's clock
//	result granted tokens, µs until the least is there (0 when all were granted)
var reserveScript = redis.NewScript(bucket + `
local per, burst = tonumber(ARGV[1]), math.max(tonumber(ARGV[2]), 1)
local now, fixed = clock(ARGV[6])
local level, at = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (%S+)$')
local b = {level = tonumber(level) or 0, at = tonumber(at) or now}
local granted, wait = reserve(b, per, burst, now, tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]))
keep(KEYS[1], string.format('%.17g %.0f', b.level, b.at), b.level / per, fixed)
return {granted, wait}
`)

// admitScript is queue.Rate.Admit on each of its keys.
//
//	KEYS   the lines
//	ARGV   1 now in Unix µs, or '' for the server's clock; then for each line:
//	       tokens per second, burst, how many come again, how many are fresh
//	result for each line: how many again, how many fresh ones pass, µs until the
//	       first of the others gets its token
var admitScript = redis.NewScript(bucket + `
local now, fixed = clock(ARGV[1])
local out = {}
for i, key in ipairs(KEYS) do
  local per, burst = tonumber(ARGV[4 * i - 2]), math.max(tonumber(ARGV[4 * i - 1]), 1)
  local again, fresh = tonumber(ARGV[4 * i]), tonumber(ARGV[4 * i + 1])
  local level, at, waiting = string.match(redis.call('GET', key) or '', '^(%S+) (%S+) (%S+)$')
  local b = {level = tonumber(level) or 0, at = tonumber(at) or now}
  waiting = math.max(0, (tonumber(waiting) or 0) - math.max(0, now - b.at) * per / 1e6)
  local goAgain, goFresh, wait = reserve(b, per, burst, now, 0, 1, again), 0, 0
  if waiting < 1 then goFresh = reserve(b, per, burst, now, 0, 1, fresh) end
  local held = again - goAgain + fresh - goFresh
  if held > 0 then
    wait = math.min(math.ceil((math.max(0, b.level + 1 - burst) + waiting) / per * 1e6), 31536000000000)
  end
  waiting = waiting + held
  keep(key, string.format('%.17g %.0f %.17g', b.level, b.at, waiting), (b.level + waiting) / per, fixed)
  out[3 * i - 2], out[3 * i - 1], out[3 * i] = goAgain, goFresh, wait
end
return out
`)
