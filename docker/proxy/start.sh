#!/bin/bash
# Writes the configuration and the logins to /tmp, the only writable place, and becomes nginx.
set -euo pipefail

listen='' tls=''
if [[ -e /certs/tls.crt || -e /certs/tls.key ]]; then
  for file in /certs/tls.crt /certs/tls.key; do
    [[ -r $file ]] || { echo "$file cannot be read by user $(id -u): TLS needs tls.crt and tls.key." >&2; exit 1; }
  done
  listen=ssl
  tls='ssl_certificate /certs/tls.crt; ssl_certificate_key /certs/tls.key; ssl_protocols TLSv1.2 TLSv1.3;'
fi
if [[ ! $HOST_NAMES =~ ^[A-Za-z0-9.\ -]+$ ]]; then
  echo "HOST_NAMES may hold letters, digits, dots and dashes, separated by blanks, not: $HOST_NAMES" >&2
  exit 1
fi

umask 077
login() {
  printf '%s:%s\n' "$1" "$(openssl passwd -5 -stdin <<<"$2")"
}
login admin "$ADMIN_PASSWORD" >/tmp/people
{ cat /tmp/people; login client "$CLIENT_PASSWORD"; } >/tmp/people_and_clients
unset ADMIN_PASSWORD CLIENT_PASSWORD
sed -e "s|@LISTEN@|$listen|; s|@TLS@|$tls|; s|@HOST_NAMES@|$HOST_NAMES|" /proxy/nginx.conf >/tmp/nginx.conf
exec nginx -c /tmp/nginx.conf -e /dev/stderr
