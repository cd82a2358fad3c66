using System.ComponentModel;
using Spectre.Console.Cli;

namespace ReplicationSample;

/// <summary>Options of <c>summary</c>.</summary>
internal sealed class SummarySettings : CommandSettings
{
    [CommandArgument(0, "<FOLDER>")]
    [Description("The output folder of the other commands.")]
    public required string Folder { get; init; }
}
