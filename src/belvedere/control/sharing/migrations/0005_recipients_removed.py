from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sharing", "0004_terms"),
    ]

    operations = [
        migrations.AddField(
            model_name="recipient",
            name="removed_at",
            field=models.DateTimeField(null=True),
        ),
    ]
