using System.ComponentModel;
using Spectre.Console;
using Spectre.Console.Cli;

namespace ReplicationSample;

/// <summary>Options of all commands that run something.</summary>
internal class OutputSettings : CommandSettings
{
    [CommandOption("--output <DIR>")]
    [Description("Where finished cells, tables and pictures go; a run goes on with what is there.")]
    [DefaultValue("replication-output")]
    public string Output { get; init; } = "replication-output";

    [CommandOption("--tiny")]
    [Description("A few rows and batches only: shows that everything works, not what it can do.")]
    public bool Tiny { get; init; }

    public override ValidationResult Validate() =>
        string.IsNullOrWhiteSpace(Output) ? ValidationResult.Error("--output needs the name of a folder.") : ValidationResult.Success();
}
