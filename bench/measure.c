/* measure.c: runs a command and prints its wall time in seconds and its peak resident memory in kB.
 *
 *     measure COMMAND ARGUMENT...
 *
 * The command's standard output is thrown away. Started from a large process, a child's peak counts the parent's memory
 * before exec; this one is small, so what it prints is the command's own. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void run(char **command) {
    int nothing = open("/dev/null", O_WRONLY);

    if (nothing >= 0) dup2(nothing, STDOUT_FILENO);
    execvp(command[0], command);
    perror(command[0]);
    _exit(127);
}

int main(int argc, char **argv) {
    struct rusage usage;
    double start;
    pid_t child;
    int status;

    if (argc < 2) {
        fprintf(stderr, "usage: measure COMMAND ARGUMENT...\n");
        return 2;
    }
    start = seconds();
    child = fork();
    if (child == 0) run(argv + 1);
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("measure");
        return 1;
    }
    printf("%.6f %ld\n", seconds() - start, usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
