/* What a machine does when something is scarce, while a file of that name is in $SCARCE:
 *   threads  no thread can be started
 *   disk     nothing that is written to a regular file comes back
 *   clock    the time of day is a day ahead
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400

static int scarce(const char *name) {
    char path[PATH_MAX];
    const char *folder = getenv("SCARCE");
    int kept = errno, found;
    if (folder == NULL) return 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    found = access(path, F_OK) == 0;
    errno = kept;
    return found;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg) {
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (real == NULL) real = dlsym(RTLD_NEXT, "pthread_create");
    return scarce("threads") ? EAGAIN : real(thread, attr, start, arg);
}

static void wait_for_disk(int fd) {
    struct stat found;
    while (scarce("disk") && fstat(fd, &found) == 0 && S_ISREG(found.st_mode)) usleep(20000);
}

ssize_t write(int fd, const void *data, size_t size) {
    static ssize_t (*real)(int, const void *, size_t);
    if (real == NULL) real = dlsym(RTLD_NEXT, "write");
    wait_for_disk(fd);
    return real(fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    static ssize_t (*real)(int, const struct iovec *, int);
    if (real == NULL) real = dlsym(RTLD_NEXT, "writev");
    wait_for_disk(fd);
    return real(fd, parts, count);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    int status;
    if (real == NULL) real = dlsym(RTLD_NEXT, "clock_gettime");
    status = real(clock, now);
    if (status == 0 && clock == CLOCK_REALTIME && scarce("clock")) now->tv_sec += DAY;
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *restrict, void *restrict);
    int status;
    if (real == NULL) real = dlsym(RTLD_NEXT, "gettimeofday");
    status = real(now, zone);
    if (status == 0 && scarce("clock")) now->tv_sec += DAY;
    return status;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result != NULL) *result = now.tv_sec;
    return now.tv_sec;
}
