-- What wrk sends: the tokens of a file in turn, a line each; without a file no token.
-- wrk … -- [FILE [LINES TO PASS OVER]]; prints one line of figures that load.py reads. Or a form, posted:
-- wrk … -- --form FORM; or the refresh tokens of a file, each renewed by the one it was renewed to:
-- wrk … -- --renew FILE; or the JSON of a file, posted with the token of another:
-- wrk … -- --json FILE TOKENS.
local requests = {}
local turn = 0
local kind = { ["Content-Type"] = "application/x-www-form-urlencoded" }

-- Whichever token is at rest is the next: one for each connection.
local function renewing(file)
    local tokens = {}
    for token in io.lines(file) do
        tokens[#tokens + 1] = token
    end
    request = function()
        local form = "grant_type=refresh_token&refresh_token=" .. table.remove(tokens)
        return wrk.format("POST", nil, kind, form)
    end
    response = function(_, _, body)
        tokens[#tokens + 1] = string.match(body, '"refresh_token":"([^"]+)"')
    end
end

function init(arguments)
    local file = arguments[1]
    if file == "--form" then
        requests[1] = wrk.format("POST", nil, kind, arguments[2])
        return
    end
    if file == "--renew" then
        renewing(arguments[2])
        return
    end
    if file == "--json" then
        local body = io.open(arguments[2]):read("*a")
        local token = io.lines(arguments[3])()
        local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. token }
        requests[1] = wrk.format("POST", nil, headers, body)
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
