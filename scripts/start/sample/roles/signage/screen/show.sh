# Shows the message until it is asked to stop.
trap 'exit 0' TERM INT
while :; do
  echo "$DEVICE shows: $MESSAGE"
  sleep 10 &
  wait $!
done
