-- Posts one order after another, each with an order and a buyer that no call had before.
-- The environment gives BENCH_BODY (the order with stand-ins), BENCH_TOKEN, and BENCH_RUN (four digits, new for each run).
local threads = 0
local parts = {}
local sequence = 0

function setup(thread)
  threads = threads + 1
  thread:set("id", threads)
end

-- The stand-ins are as wide as the numbers, so that Content-Length is right before they are filled in.
function init(args)
  local headers = {
    ["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN"),
    ["Content-Type"] = "application/json",
    ["Host"] = wrk.headers["Host"],
  }
  local text = wrk.format("POST", nil, headers, os.getenv("BENCH_BODY"))
  local from = 1
  for first, last in text:gmatch("()@%l+_number@()") do
    parts[#parts + 1] = text:sub(from, first - 1)
    from = last
  end
  parts[#parts + 1] = text:sub(from)
  assert(#parts == 3, "the order has two stand-ins")
  prefix = os.getenv("BENCH_RUN") .. string.format("%02d", id)
end

function request()
  sequence = sequence + 1
  local number = string.format("%s%08d", prefix, sequence)
  return parts[1] .. number .. parts[2] .. number .. parts[3]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_us": %.1f, "p99_us": %.1f, "errors": %d}\n',
    summary.requests,
    summary.duration / 1e6,
    latency:percentile(50),
    latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
