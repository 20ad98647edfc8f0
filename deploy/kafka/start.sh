#!/bin/sh
# Starts the broker; formats its volume first when that is empty.
set -e
if [ ! -f /var/lib/kafka/data/meta.properties ]; then
    # A new id for new data: by it the services notice that the broker lost its past, and publish theirs again.
    /opt/kafka/bin/kafka-storage.sh format --config /etc/linli/server.properties \
        --cluster-id "$(/opt/kafka/bin/kafka-storage.sh random-uuid)"
fi
exec /opt/kafka/bin/kafka-server-start.sh /etc/linli/server.properties
