// A disk that is slow on demand, for crash tests: preloaded into mysqld, it makes mysqld wait for its files.
//
// SLOW_DISK names a file that need not be there. While it is, it holds a number of milliseconds, and each sync and
// each write below begins so much later. The call itself is made as ever: its result and its errno are the system's.
//
// What is slow here is the answer, as on a disk far away: threads wait side by side, not in a queue. Two things stay
// as quick as they are. Reads, which the tests' data never needs of a disk. And pages that mysqld hands over by
// io_submit: the kernel writes them after that call has returned, so holding up the call would show nothing; the
// sync that makes them durable is held up.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

// How old the known delay may be. While nothing is slow this is all that a call costs: reading a coarse clock.
enum { LOOK_EVERY_MS = 100 };

static const char *control;

static int (*system_fsync)(int);
static int (*system_fdatasync)(int);
static ssize_t (*system_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*system_pwrite64)(int, const void *, size_t, off64_t);

static _Atomic int64_t looked_at_ms;
static _Atomic long delay_ms;

// Before main, and so before there are threads.
__attribute__((constructor)) static void find(void)
{
    control = getenv("SLOW_DISK");
    system_fsync = dlsym(RTLD_NEXT, "fsync");
    system_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    system_pwrite = dlsym(RTLD_NEXT, "pwrite");
    system_pwrite64 = dlsym(RTLD_NEXT, "pwrite64");
}

// What the file says; 0, which is no delay, when it is not there.
static long look(void)
{
    char text[16] = "";
    int file = control ? open(control, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    return length > 0 ? strtol(text, NULL, 10) : 0;
}

static long present_delay_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    int64_t looked = atomic_load(&looked_at_ms);
    // Of those who find it old one looks; the others go by what was known until then.
    if (now_ms - looked >= LOOK_EVERY_MS && atomic_compare_exchange_strong(&looked_at_ms, &looked, now_ms))
        atomic_store(&delay_ms, look());
    return atomic_load(&delay_ms);
}

static void hold_up(void)
{
    int kept = errno;
    long ms = present_delay_ms();
    if (ms > 0) {
        struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
        // A signal cuts a sleep short; what is left of it is slept too.
        while (nanosleep(&left, &left) != 0 && errno == EINTR) {
        }
    }
    errno = kept;
}

int fsync(int file)
{
    hold_up();
    return system_fsync(file);
}

int fdatasync(int file)
{
    hold_up();
    return system_fdatasync(file);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at)
{
    hold_up();
    return system_pwrite(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at)
{
    hold_up();
    return system_pwrite64(file, bytes, count, at);
}
