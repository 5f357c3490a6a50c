// SPDX-License-Identifier: GPL-2.0-or-later
//
// The testbed's agent: process 1 of the emulated machine once l1/init has mounted everything. It takes one
// command from the launcher through a virtio-serial port, runs it inside the new root, carries its streams
// and reports how it ended. The launcher (testbedlib/machine.py) speaks the other end; it stops the machine
// when it has the status.
//
// Frame, both ways: one byte of type, a 32-bit little-endian length, that many bytes.
//   launcher -> agent: 'C' strings, each ended by NUL: directory, argument count, arguments, then environment
//                      'I' bytes for standard input; an empty one means end of file
//   agent -> launcher: 'O' standard output, 'E' standard error, 'M' a complaint of the agent, 'X' status in
//   decimal
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kChunk = 32 * 1024, kMaxCommand = 4 * 1024 * 1024 };

static int port = -1;

static int write_all(int fd, const void* data, size_t size) {
    const char* at = data;
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

static int read_all(int fd, void* data, size_t size) {
    char* at = data;
    while (size > 0) {
        ssize_t n = read(fd, at, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

// One write per frame where possible: each write is a trip through the emulated device.
static void send_frame(char type, const void* data, uint32_t size) {
    static char frame[5 + kChunk];
    frame[0] = type;
    memcpy(frame + 1, &size, 4);
    memcpy(frame + 5, data, size);
    if (write_all(port, frame, 5 + size) != 0) _exit(1);
}

static void finish(int status) {
    char text[16];
    sync();
    send_frame('X', text, (uint32_t)snprintf(text, sizeof text, "%d", status));
    for (;;)
        pause();
}

__attribute__((format(printf, 1, 2))) static void complain(const char* format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    send_frame('M', text, (uint32_t)(n < (int)sizeof text ? n : (int)sizeof text - 1));
}

struct command {
    const char* directory;
    char** argv;
    char** envp;
};

static const char* next_string(char** at, char* end) {
    char* start = *at;
    char* nul = start < end ? memchr(start, 0, (size_t)(end - start)) : NULL;
    if (nul == NULL) return NULL;
    *at = nul + 1;
    return start;
}

static char** string_list(char** at, char* end, long count) {
    char** list = calloc((size_t)count + 1, sizeof *list);
    for (long i = 0; list != NULL && i < count; i++)
        list[i] = (char*)next_string(at, end);
    return list;
}

static int read_command(struct command* command) {
    char type;
    uint32_t size;
    if (read_all(port, &type, 1) != 0 || read_all(port, &size, 4) != 0 || type != 'C' || size > kMaxCommand)
        return -1;
    char* at = malloc(size);
    if (at == NULL || read_all(port, at, size) != 0) return -1;
    char* end = at + size;
    command->directory = next_string(&at, end);
    const char* count = next_string(&at, end);
    if (count == NULL || atol(count) < 1 || atol(count) > kMaxCommand) return -1;
    command->argv = string_list(&at, end, atol(count));
    long variables = 0;
    for (char* p = at; p < end; p++)
        variables += *p == 0;
    command->envp = string_list(&at, end, variables);
    return command->argv != NULL && command->envp != NULL ? 0 : -1;
}

static const char* path_of(char** envp) {
    for (; *envp != NULL; envp++)
        if (strncmp(*envp, "PATH=", 5) == 0) return *envp;
    return "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

static void become(const struct command* command, const char* root, int in, int out, int err) {
    signal(SIGPIPE, SIG_DFL);
    setsid();
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) _exit(126);
    for (int fd = 3; fd < 64; fd++)
        close(fd);
    if (chroot(root) != 0 || chdir(command->directory) != 0) {
        dprintf(2, "testbed: cannot enter %s: %s\n", command->directory, strerror(errno));
        _exit(126);
    }
    putenv((char*)path_of(command->envp));
    execvpe(command->argv[0], command->argv, command->envp);
    dprintf(2, "testbed: cannot run %s: %s\n", command->argv[0], strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

// Returns 0 at the end of the stream or when nothing is there to read (the descriptor does not block).
static int forward(int from, char type) {
    static char data[kChunk];
    ssize_t n = read(from, data, sizeof data);
    if (n <= 0) return n < 0 && errno == EINTR;
    send_frame(type, data, (uint32_t)n);
    return 1;
}

// Takes one frame of standard input; the child may have closed its end, then the bytes are dropped.
static void take_input(int* in) {
    static char data[kChunk];
    char type;
    uint32_t size;
    if (read_all(port, &type, 1) != 0 || read_all(port, &size, 4) != 0 || type != 'I' || size > kChunk ||
        read_all(port, data, size) != 0)
        _exit(1);
    if (*in >= 0 && (size == 0 || write_all(*in, data, size) != 0)) {
        close(*in);
        *in = -1;
    }
}

static volatile sig_atomic_t main_pid, main_done, main_status;

// The command may leave children behind; as process 1 we reap those too, and only the command's own end
// counts.
static void on_child(int signal_number) {
    int saved = errno, status, pid;
    (void)signal_number;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == main_pid) {
            main_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
            main_done = 1;
        }
    errno = saved;
}

static void carry(int in, int out, int err, const sigset_t* sleeping) {
    struct pollfd fds[3] = {
        {.fd = out, .events = POLLIN}, {.fd = err, .events = POLLIN}, {.fd = port, .events = POLLIN}};
    while (!main_done) {
        if (ppoll(fds, 3, NULL, sleeping) < 0) continue;
        if (fds[0].revents != 0 && !forward(out, 'O')) fds[0].fd = -1;
        if (fds[1].revents != 0 && !forward(err, 'E')) fds[1].fd = -1;
        if (fds[2].revents & POLLIN) take_input(&in);
    }
    while (forward(out, 'O'))
        ;
    while (forward(err, 'E'))
        ;
}

static void run(const struct command* command, const char* root) {
    int in[2], out[2], err[2];
    sigset_t blocked, sleeping;
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) {
        complain("pipe: %s", strerror(errno));
        finish(126);
    }
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigprocmask(SIG_BLOCK, &blocked, &sleeping);
    struct sigaction action = {.sa_handler = on_child};
    sigaction(SIGCHLD, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    main_pid = fork();
    if (main_pid == 0) {
        sigprocmask(SIG_SETMASK, &sleeping, NULL);
        become(command, root, in[0], out[1], err[1]);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    if (main_pid < 0)
        complain("fork: %s", strerror(errno));
    else
        carry(in[1], out[0], err[0], &sleeping);
    finish(main_pid < 0 ? 126 : main_status);
}

int main(int argc, char** argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: agent PORT ROOT\n");
        return 1;
    }
    port = open(argv[1], O_RDWR | O_CLOEXEC);
    if (port < 0) {
        perror(argv[1]);
        return 1;
    }
    struct command command;
    if (read_command(&command) != 0) {
        complain("the launcher sent no command that can be read");
        finish(126);
    }
    run(&command, argv[2]);
    return 0;
}
