"""confluent-kafka: Producer, Consumer, those that serialize, and the asyncio ones.

The message that poll() returned last is the current one. Of those that consume() returned, each is while the list is
iterated, and their merged pathway is before and afterwards; pathway_of(message) is the pathway of one. Clients have to be
made after patch(); names that other modules have imported before are replaced there.

Messages of the asyncio producer have no headers of the program's own: the client does not send them. Older releases, which
cannot tell the cluster's id without waiting, have no tag "kafka_cluster_id:".
"""

from __future__ import annotations

from datastreams.integrations._shared.kafka import produced
from datastreams.integrations.confluent_kafka import aio, classes, consumer, producer
from datastreams.integrations.confluent_kafka.consumer import consumed

__all__ = ["consumed", "patch", "produced", "unpatch"]


def patch() -> None:
    """Instruments confluent_kafka. To do it again changes nothing."""
    classes.use(producer.Producer)
    classes.use(consumer.Consumer)
    aio.patch()


def unpatch() -> None:
    """Makes confluent_kafka what it was."""
    aio.unpatch()
    for module, cls in ((producer, producer.Producer), (consumer, consumer.Consumer)):
        classes.drop(cls)
        module.clients.forget()
