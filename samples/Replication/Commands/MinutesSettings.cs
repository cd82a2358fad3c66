using System.ComponentModel;
using Spectre.Console.Cli;

namespace ReplicationSample;

/// <summary>Options of <c>minutes</c>.</summary>
internal sealed class MinutesSettings : CommandSettings
{
    [CommandArgument(0, "<FILE>")]
    [Description("The results of ./build.sh bench minutes; the picture is written beside it.")]
    public required string File { get; init; }
}
