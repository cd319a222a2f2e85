#!/usr/bin/env bash
# Signs johndoe in to the demo's client, step by step as a browser and an application do it: the authorization
# code flow with PKCE (RFC 6749 section 4.1, RFC 7636) and OpenID Connect. Needs bash, curl and coreutils.
#
#     examples/sign_in.sh [URL of the server]
set -euo pipefail
base=${1:-http://127.0.0.1:8000}
# Nobody has to listen here: the script reads the address that the browser is sent to.
callback=http://127.0.0.1:7777/callback

pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT

base64url() { basenc --wrap=0 --base64url | tr -d =; }
# Part of a page: what stands between this and the next quotation mark.
between() { sed -n "s|.*$1\([^\"]*\)\".*|\1|p" "$pages/page" | head -n 1 | sed 's/&#38;/\&/g'; }
# A member of JSON.
member() { sed -n "s|.*\"$1\" *: *\"\([^\"]*\)\".*|\1|p"; }
# The browser: it keeps cookies, goes where it is sent, and says from where it sends forms.
browser() { curl -sS --fail-with-body -L -c "$pages/jar" -b "$pages/jar" -H "Origin: $base" "$@" -o "$pages/page"; }

# The application makes a secret for this one login, and sends the browser to the server.
verifier=$(head -c 32 /dev/urandom | base64url)
challenge=$(printf %s "$verifier" | sha256sum | head -c 64 | tr a-f A-F | basenc --decode --base16 | base64url)
state=$(head -c 16 /dev/urandom | base64url)
browser -G "$base/oauth/authorize" -d response_type=code -d client_id=demo -d redirect_uri="$callback" \
    --data-urlencode 'scope=openid profile email me items' -d state="$state" \
    -d code_challenge="$challenge" -d code_challenge_method=S256

# The login page.
browser "$base$(between 'form method="post" action="')" --data-urlencode "form_token=$(between 'name="form_token" value="')" \
    -d username=johndoe -d password=1234
echo 'johndoe is logged in'

# The page that asks what the application may do; it leads back to the application.
back=$(browser --no-location -w '%{redirect_url}' "$base$(between 'form method="post" action="')" \
    --data-urlencode "form_token=$(between 'name="form_token" value="')" -d decision=allow)
echo 'the demo application is allowed to'

# The application: the answer is to its own question, and the code is worth its tokens.
case $back in
"$callback?"*"state=$state"*) ;;
*) echo "unexpected: $back" >&2 && exit 1 ;;
esac
code=$(sed 's/.*[?&]code=\([^&]*\).*/\1/' <<< "$back")
tokens=$(curl -sS --fail-with-body "$base/token" -d grant_type=authorization_code -d client_id=demo \
    -d code="$code" -d redirect_uri="$callback" -d code_verifier="$verifier")
token=$(member access_token <<< "$tokens")
curl -sS --fail-with-body "$base/oauth/userinfo" -H "Authorization: Bearer $token"
echo
curl -sS --fail-with-body "$base/users/me/items" -H "Authorization: Bearer $token"
echo
