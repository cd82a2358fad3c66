using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Tests.Pipelines;

[TestClass]
public sealed class ColumnSearchTests
{
    [TestMethod]
    [DataRow(0, "the data has no columns.")]
    [DataRow(2, "the data has 'C0', 'C1'.")]
    [DataRow(1000, "'C19' and 980 more.")]
    public void Find_NoSuchColumn_NamesTheFirstOfThoseThereAre(int count, string expected)
    {
        var builder = new DataViewSchema.Builder();
        for (var i = 0; i < count; i++)
        {
            builder.AddColumn(string.Create(CultureInfo.InvariantCulture, $"C{i}"), TextDataViewType.Instance);
        }

        var host = ((IHostEnvironment)new MLContext(1)).Register("ColumnSearch");

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => builder.ToSchema().Find(host, "text", "Review"));

        StringAssert.StartsWith(error.Message, "Could not find text column 'Review': ");
        StringAssert.Contains(error.Message, expected);
        Assert.IsTrue(error.IsMarked());
    }
}
