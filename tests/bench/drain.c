// The other end of a network benchmark: takes all datagrams off a socket once a millisecond. Were it woken by each, every packet would pay for
// that, and three threads would share the two processors that some machines have. usage: drain FD
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char** argv) {
    enum { MANY = 64, MOST = 2048 };
    static char bytes[MANY][MOST];
    struct iovec parts[MANY];
    struct mmsghdr messages[MANY] = {0};
    if (argc != 2) return 1;
    for (int i = 0; i < MANY; i++) {
        parts[i] = (struct iovec){bytes[i], MOST};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (;;) {
        int got = recvmmsg(atoi(argv[1]), messages, MANY, MSG_DONTWAIT, NULL);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return 0;
        if (got < MANY) usleep(1000);
    }
}
