# What a robot does all day. Ends at once when it is asked to.
trap 'exit 0' TERM INT
while :; do
  echo "robot on $TASK"
  sleep 10 &
  wait $!
done
