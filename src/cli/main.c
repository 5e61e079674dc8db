/* main.c: finds the command in commands.def and runs it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

static const struct {
    const char *name, *help;
    const hp_command *command;
} commands[] = {
#define COMMAND(name, help) {#name, help, &hp_command_##name},
#include "cli/commands.def"
#undef COMMAND
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static void print_help(FILE *out) {
    fputs("Usage: hornpipe COMMAND ARGUMENTS...\n\nPredict with saved Keras models on every CPU core, without "
          "TensorFlow.\n\n"
          "Commands:\n",
        out);
    for (int i = 0; i < COMMAND_COUNT; i++) fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    fputs("\n`hornpipe COMMAND --help` tells a command's options; `hornpipe --version` the version.\n"
          "Exit codes: 0 done, 1 failure, 2 usage, 3 model not supported, 4 some rows failed,\n"
          "5 interrupted.\n",
        out);
}

static int run(const char *name, const hp_command *command, int argc, char **argv) {
    void *options = calloc(1, command->options_size);
    if (!options) return EXIT_FAILED;
    int count = hp_options_parse(name, command, argc, argv, options), code;
    if (count == -2)
        code = EXIT_DONE;
    else if (count < 0)
        code = EXIT_USAGE;
    else if (count < command->least_arguments)
        code = hp_cli_usage(name, "too few arguments: hornpipe %s %s", name, command->usage);
    else
        code = command->run(options, argv, count);
    free(options);
    return code;
}

/* Results that could not be written are a failure, however they were computed. */
static int flush_output(int code) {
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    if (code == EXIT_DONE) fputs("hornpipe: standard output: cannot be written\n", stderr);
    return code == EXIT_DONE ? EXIT_FAILED : code;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of writing, told as one */
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_help(stdout);
        return flush_output(EXIT_DONE);
    }
    if (!strcmp(argv[1], "--version")) {
        printf("hornpipe %s\n", hp_version());
        return flush_output(EXIT_DONE);
    }
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (!strcmp(argv[1], commands[i].name))
            return flush_output(run(commands[i].name, commands[i].command, argc - 2, argv + 2));
    fprintf(stderr, "hornpipe: there is no command \"%s\"; see hornpipe --help\n", argv[1]);
    return EXIT_USAGE;
}
