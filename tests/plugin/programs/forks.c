/* forks BROKERS TOPIC COUNT [PROPERTY]... - produces COUNT messages, forks, and produces as many again in the child, by a
 * producer of its own. */
#include "kafka.h"
#include <sys/wait.h>
#include <unistd.h>

static void some(const char *brokers, const char *topic, int count, char **properties, char *value) {
    rd_kafka_t *producer = start(RD_KAFKA_PRODUCER, brokers, properties);
    rd_kafka_message_t message;
    memset(&message, 0, sizeof message);
    message.payload = value;
    message.len = strlen(value);
    for (; count > 0; count--) produce(producer, topic, &message);
    finish(producer);
}

int main(int argc, char **argv) {
    char parent[] = "parent", child[] = "child";
    int status;
    pid_t pid;
    if (argc < 4) return 2;
    some(argv[1], argv[2], atoi(argv[3]), argv + 4, parent);
    pid = fork();
    if (pid < 0) fail("fork", "refused");
    if (pid == 0) {
        some(argv[1], argv[2], atoi(argv[3]), argv + 4, child);
        return 0;
    }
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) fail("child", "failed");
    return 0;
}
