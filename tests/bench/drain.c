// The other end of a network benchmark: takes datagrams off a socket as fast as the kernel gives them. usage: drain FD
#include <stdlib.h>
#include <sys/socket.h>

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
    while (recvmmsg(atoi(argv[1]), messages, MANY, MSG_WAITFORONE, NULL) > 0) {
    }
    return 0;
}
