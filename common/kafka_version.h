/* kafka_version.h: the releases of librdkafka that must not carry a call. */
#ifndef HOOKLINE_COMMON_KAFKA_VERSION_H
#define HOOKLINE_COMMON_KAFKA_VERSION_H

/* `version` is 0xMMmmrrxx, as rd_kafka_version gives it. NULL if it may be used, else why not, as a static sentence. */
const char *kafka_version_problem(int version);

#endif
