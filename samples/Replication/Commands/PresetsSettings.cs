using System.ComponentModel;
using Spectre.Console.Cli;

namespace ReplicationSample;

/// <summary>Options of <c>presets</c>.</summary>
internal sealed class PresetsSettings : CommandSettings
{
    [CommandArgument(0, "[NAME]")]
    [Description("The preset to print.")]
    public string? Name { get; init; }
}
