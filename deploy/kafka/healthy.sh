#!/bin/bash
# Ready when the broker answers as a member of its cluster. To ask takes a Java program, so after the first answer an
# open port is enough; /tmp is emptied when the container starts anew.
set -e
if [ -f /tmp/answered ]; then
    : </dev/tcp/127.0.0.1/9092
else
    KAFKA_HEAP_OPTS="-Xmx64m" /opt/kafka/bin/kafka-broker-api-versions.sh --bootstrap-server 127.0.0.1:9092 >/dev/null
    touch /tmp/answered
fi
