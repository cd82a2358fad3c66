using System.ComponentModel;
using Spectre.Console.Cli;

namespace ReplicationSample;

/// <summary>Options of the commands that take an experiment.</summary>
internal sealed class MeasureSettings : OutputSettings
{
    [CommandArgument(0, "<EXPERIMENT>")]
    [Description("An experiment file (JSON, comments allowed) or the name of a preset; the command presets lists them.")]
    public required string Experiment { get; init; }

    [CommandOption("--data <DIR>")]
    [Description("The folder with data sets that are not part of this repository.")]
    public string? Data { get; init; }
}
