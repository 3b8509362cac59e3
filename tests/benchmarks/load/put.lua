-- For wrk: each request is a decision of another visitor, with a random key (a UUID of version 4)
-- and no cookie. In the end one line of JSON, with times in microseconds.

local random = assert(io.open("/dev/urandom", "rb"))
local headers = {
  ["Content-Type"] = "application/json",
  ["Sec-Fetch-Site"] = "same-origin",
}
local body = '{"choices":{"functional":true,"marketing-analytics":false,"advertising":false},'
  .. '"source":"notice","key":"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x"}'

function request()
  local bytes = { random:read(16):byte(1, 16) }
  bytes[7] = 64 + bytes[7] % 16
  bytes[9] = 128 + bytes[9] % 64
  return wrk.format("PUT", nil, headers, body:format(unpack(bytes)))
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "duration": %d, "failed": %d, "p50": %d, "p99": %d}\n',
    summary.requests,
    summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50),
    latency:percentile(99)
  ))
end
