-- What wrk sends: the tokens of a file in turn, a line each; without a file no token.
-- wrk … -- [FILE [LINES TO PASS OVER]]; prints one line of figures that load.py reads. Or a form, posted:
-- wrk … -- --form FORM.
local requests = {}
local turn = 0

function init(arguments)
    local file = arguments[1]
    if file == "--form" then
        local kind = { ["Content-Type"] = "application/x-www-form-urlencoded" }
        requests[1] = wrk.format("POST", nil, kind, arguments[2])
        return
    end
    turn = tonumber(arguments[2] or 0)
    if not file then
        requests[1] = wrk.format("GET")
        return
    end
    for token in io.lines(file) do
        requests[#requests + 1] = wrk.format("GET", nil, { ["Authorization"] = "Bearer " .. token })
    end
end

function request()
    turn = turn % #requests + 1
    return requests[turn]
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format("figures %d %d %d %d %d %d\n",
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
        errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
