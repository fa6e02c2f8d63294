-- Takes doorward's own cookies and service tokens out of a request, after it was let in.
-- A header without them stays as it is, byte for byte; one that would be empty disappears.
-- What fails here takes the whole header away: no credential of ours reaches an upstream.

local OWN_COOKIE = "__host-doorward-"
local OWN_BEARER = "bearer[ \t]+dwt_"
local SEMICOLON, COMMA, SPACE, TAB = 59, 44, 32, 9

local byte, find, lower, sub = string.byte, string.find, string.lower, string.sub

-- The value of a Cookie header without our cookies, whatever case they are written in; nil where
-- nothing is left. Envoy joins the lines of a header by a comma, so a cookie can follow one too;
-- each of ours goes with the separator before it, up to the next semicolon. A semicolon separates
-- also within quotes (RFC 6265, 5.4).
local function without_own_cookies(cookies)
  local folded = lower(cookies)
  local own = find(folded, OWN_COOKIE, 1, true)
  local kept, done = "", 1
  while own do
    local before = own - 1
    while before >= done and (byte(cookies, before) == SPACE or byte(cookies, before) == TAB) do
      before = before - 1
    end
    local separator = before >= done and byte(cookies, before)
    if not separator or separator == SEMICOLON or separator == COMMA then
      if before > done then
        kept = kept .. sub(cookies, done, before - 1)
      end
      done = find(cookies, ";", own, true) or #cookies + 1
      own = find(folded, OWN_COOKIE, done, true)
    else
      own = find(folded, OWN_COOKIE, own + 1, true)
    end
  end
  if done == 1 then
    return cookies
  end
  kept = kept .. sub(cookies, done)
  local first = find(kept, "[^; \t]")
  return first and sub(kept, first)
end

function envoy_on_request(request)
  local headers = request:headers()
  local cookies = headers:get("cookie")
  if cookies then
    local done, kept = pcall(without_own_cookies, cookies)
    if not done or not kept then
      headers:remove("cookie")
    elseif kept ~= cookies then
      headers:replace("cookie", kept)
    end
  end
  local authorization = headers:get("authorization")
  if authorization then
    local done, own = pcall(function()
      return find(lower(authorization), OWN_BEARER)
    end)
    if own or not done then
      headers:remove("authorization")
    end
  end
end
